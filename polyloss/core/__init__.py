"""What every loss is built from: numerics, rules of parameters, kinds of input, the contract of a class."""
