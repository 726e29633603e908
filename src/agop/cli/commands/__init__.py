"""The commands: arguments, options and help of each, in a module of its name that imports the work when it is called.

Help and errors of usage come without what takes seconds to import: torch, SciPy, scikit-learn and pandas.
"""
