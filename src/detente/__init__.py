"""Détente: deconfliction between parties that share an airspace but not their trust."""

__version__ = "0.1.0"
