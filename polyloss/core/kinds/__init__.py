"""Kinds of input: what a loss looks at, said once and read by everything that meets it.

A kind knows the shapes and dtypes that it takes and how it refuses others, which values are faults, what stands in for
what is shut out, samples and corners of itself, and how its curve is drawn. A new kind is a module here and a name below.
"""

from polyloss.core.kinds.base import Anything, Arrays, Kind, Misfit, Options, View
from polyloss.core.kinds.boxes import Boxes
from polyloss.core.kinds.elements import Amounts, Elements, YesNo
from polyloss.core.kinds.heads import Heads, TeacherHeads
from polyloss.core.kinds.masks import Masks
from polyloss.core.kinds.pairs import Pairs
from polyloss.core.kinds.parameters import Parameters
from polyloss.core.kinds.quantiles import Quantiles
from polyloss.core.kinds.rows import Distributions, Labels, OneOfMany, SoftLabels, Teachers, UnequalClasses
from polyloss.core.kinds.scores import Norms, Scores
from polyloss.core.kinds.sets import Sets, Views

__all__ = ["Arrays", "Kind", "Misfit", "Options", "View"]

ANY = Anything()
ELEMENTS = Elements()
AMOUNTS = Amounts()
QUANTILES = Quantiles()
GAUSSIANS = Parameters("mean", "log variance")
YES_NO = YesNo()
DISTRIBUTIONS = Distributions()
SOFT_LABELS = SoftLabels()
LABELS = Labels()
HEADS = Heads()
TEACHER_HEADS = TeacherHeads()
ONE_OF_MANY = OneOfMany()
UNEQUAL_CLASSES = UnequalClasses()
TEACHERS = Teachers()
PAIRS = Pairs()
SETS = Sets()
VIEWS = Views()
MASKS = Masks()
BOXES = Boxes()
SCORES = Scores()
NORMS = Norms()
