"""The folder people drop files into."""
