-- Finality: what was credited stays pending until its block is final. Until then a reorg may take it back and bring it again.
-- confirmed: nothing of these is set. final: final_at. reversed: reversed_at, and lost_at when no block can hold it any more.
ALTER TABLE effect
  ADD COLUMN id bigint GENERATED ALWAYS AS IDENTITY,
  ADD COLUMN final_at timestamptz,
  ADD COLUMN reversed_at timestamptz,
  ADD COLUMN lost_at timestamptz,
  -- How often the chain has included it; each inclusion is a credit of its own, and journal_id names the last one.
  ADD COLUMN inclusion integer NOT NULL DEFAULT 1 CHECK (inclusion > 0),
  -- What moved the credit from pending to available.
  ADD COLUMN release_journal_id bigint UNIQUE REFERENCES journal (id),
  ADD CONSTRAINT effect_final_or_reversed CHECK (final_at IS NULL OR reversed_at IS NULL),
  ADD CONSTRAINT effect_lost_is_reversed CHECK (lost_at IS NULL OR reversed_at IS NOT NULL),
  -- Money becomes available when it is final, and only then, and then all of it.
  ADD CONSTRAINT effect_final_is_released CHECK (
    (release_journal_id IS NOT NULL) = (final_at IS NOT NULL AND journal_id IS NOT NULL)
  );

-- A place on chain holds one effect. What a reorg took from its place leaves it to whatever the chain puts there next.
ALTER TABLE effect DROP CONSTRAINT effect_pkey, ADD PRIMARY KEY (id);
CREATE UNIQUE INDEX effect_place ON effect (network, transaction, position) WHERE reversed_at IS NULL;

-- All that may still change, and what of it a reorg took back: few rows, however long the history is.
CREATE INDEX effect_unfinal ON effect (network, block_number, block_hash) WHERE final_at IS NULL;
CREATE INDEX effect_reversed ON effect (network, reversed_at) WHERE reversed_at IS NOT NULL;

-- A credit is taken back once, whoever tries.
CREATE UNIQUE INDEX journal_reversed_once ON journal (reverses) WHERE reverses IS NOT NULL;

CREATE FUNCTION keep_final_effects() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'An effect that is final cannot be changed' USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER effect_stays_final BEFORE UPDATE ON effect
  FOR EACH ROW WHEN (OLD.final_at IS NOT NULL) EXECUTE FUNCTION keep_final_effects();

-- What moved, between whom and how much never changes; where it is on chain and how sure that is may.
REVOKE INSERT ON effect FROM tollkeeper_app;
GRANT INSERT (network, transaction, position, asset_id, sender, recipient, amount, block_number, block_hash, payment_id,
  journal_id) ON effect TO tollkeeper_app;
GRANT UPDATE (transaction, position, block_number, block_hash, journal_id, final_at, reversed_at, lost_at, inclusion,
  release_journal_id) ON effect TO tollkeeper_app;
