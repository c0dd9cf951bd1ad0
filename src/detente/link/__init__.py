"""Party cards, signed envelopes, receipts, transcripts and the transport between nodes."""
