"""Who the persons of a party are, how they are signed in, and what each did: facts of this node that no peer hears."""
