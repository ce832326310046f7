"""Pairs in other people's formats, brought into the layout of the AstroCLIP release.

``parquet`` reads the release as Parquet files; ``crossmatch`` pairs catalogues of the Multimodal Universe. Both check what they
read in Arrow columns (``columns``, ``universe``) and write through ``writing``.
"""
