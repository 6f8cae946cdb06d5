"""Closed forms written a second time where a framework's own kernels, or work in place, make them faster.

``<backend>.py`` has tables by the name that `closed_form(kernel=...)` is given: ``NATIVE``, functions of the framework
that take the place of a formula everywhere, derivatives included, and ``IN_PLACE``, for rows on the CPU; and ``SUMS``, by
the name that `closed_sums(kernel=...)` is given, for regions on the CPU.
"""
