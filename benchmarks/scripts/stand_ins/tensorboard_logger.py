"""Stands for a package that no current TensorBoard works with: nothing is logged."""


def configure(*_, **__):
    pass


def log_value(*_, **__):
    pass
