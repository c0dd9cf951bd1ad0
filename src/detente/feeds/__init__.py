"""The field's formats in and out: GeoJSON, KML, flown tracks as Parquet or CSV."""
