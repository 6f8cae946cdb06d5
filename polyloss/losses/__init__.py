"""The catalogue: one module a family (or a folder, where it outgrows a file), each loss a function with its class under it.

What families share stands in the modules with an underscore; families never import each other.
"""
