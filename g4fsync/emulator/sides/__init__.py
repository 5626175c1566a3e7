"""The far sides: a module for each service, with what only it needs beside it."""
