"""The duty officer's page: its source in `page/`, and what a browser is given in `built/`."""
