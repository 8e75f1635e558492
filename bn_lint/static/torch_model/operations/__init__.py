"""Operations on tensors, as functions, methods and layers: shape in, shape out."""
