"""What can be done with an abstract value of any kind: each operation in one place.

    join.py      `join`: the value that stands for any of several, as branches leave them
    equality.py  `same`: whether two abstract values stand for the same; `equal` and `identical`: Python's `==` and `is`
    truth.py     `truth`: Python's `bool`
    copying.py   `clone`: a deep copy of what can change
    keys.py      `Keys`: what determines how a computation treats a value; `is_key`: what can be a key of a dictionary

These functions know every kind in `Value`, and those that ask for the kind end with `raise impossible(value)`: mypy
reports each of them that forgets a new kind. What is known only by running code of the program, such as `__eq__`, is
unknown here: nothing in this package knows the interpreter.
"""
