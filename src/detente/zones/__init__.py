"""Temporary zones that two parties propose, counter, agree, move and release. Pure."""
