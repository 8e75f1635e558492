"""What all pages share: the document around them, its style, findings with their code, and tables of layers.

A page is one file that loads nothing. All that programs and traces say is escaped, and a Content-Security-Policy keeps
a browser from running or loading anything that this package did not write.
"""
