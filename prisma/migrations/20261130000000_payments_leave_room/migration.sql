-- A payment's row changes four times within seconds. Where its page has room for the next version, what changes no indexed
-- column (who may be answered, and that somebody was) writes to none of the indexes.
ALTER TABLE payment SET (fillfactor = 60);
