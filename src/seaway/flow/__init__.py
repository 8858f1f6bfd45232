"""The corridor: load (file → System) → observe (→ Snapshot) → plan (→ Plan) → apply (→ Events)."""
