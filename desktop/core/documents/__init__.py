"""Documents that go with a question: their text with pages and lines, cut into pieces, searched, put into a prompt."""
