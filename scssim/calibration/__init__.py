"""Fitting parameters of the library to published results; each fit is a program that writes its fragment."""
