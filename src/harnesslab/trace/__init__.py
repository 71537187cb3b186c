"""What one trial did: packed event records for scoring, JSON payloads for people."""
