"""Tasks, modules, training, quantisation, measurement and export: the only package with torch.

`tasks` and `recipe` load no torch; import the other modules where they are used.
"""
