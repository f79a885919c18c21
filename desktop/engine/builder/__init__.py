"""Compiling the engine out of llama-cpp-python's sources: for a checkout, for packages, and for ``heft engine build``.

Standard library only, and nothing else of Heft: packaging/build_engine.py runs this before anything is installed.
"""
