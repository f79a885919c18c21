"""The text of strangers' documents, taken out in a process of its own with limits on memory, time, pages and length."""
