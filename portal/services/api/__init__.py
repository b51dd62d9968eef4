"""What the API needs beside the use cases of the pages: tokens, lists that go on from a row, versions, the push."""
