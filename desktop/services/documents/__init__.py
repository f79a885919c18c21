"""Documents that go with a question: read, counted, searched, and put into the prompt."""
