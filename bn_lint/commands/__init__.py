"""One module for each command that is not there from the start: `cli` imports it when it is asked for."""
