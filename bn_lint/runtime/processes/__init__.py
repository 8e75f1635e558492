"""The processes of a program: how each ends, how those that it starts are traced, and how their traces meet."""
