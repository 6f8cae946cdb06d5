"""Pictures of losses, under their public name: see `polyloss.tools.plot`."""

from polyloss.tools.plot import Line, Panel, curves, figure, save

__all__ = ["Line", "Panel", "curves", "figure", "save"]
