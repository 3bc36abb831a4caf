-- When a final block showed that nobody can carry out the authorization of a failed payment any more. Until then it is watched: a
-- window of time after the expiry forgot what nobody looked at within it.
ALTER TABLE payment ADD COLUMN void_at timestamptz;
GRANT UPDATE (void_at) ON payment TO tollkeeper_app;
-- What expired more than a day ago was watched as it was then; logs are not searched further back.
UPDATE payment SET void_at = now() WHERE failed_at IS NOT NULL AND valid_before < extract(epoch FROM now()) - 86400;

DROP INDEX payment_watched;
CREATE INDEX payment_watched ON payment (network, valid_before, id)
  WHERE failed_at IS NOT NULL AND valid_before IS NOT NULL AND void_at IS NULL;
