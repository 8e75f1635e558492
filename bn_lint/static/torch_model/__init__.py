"""What PyTorch is: layers, operations, modules, modes, optimizers, loaders."""
