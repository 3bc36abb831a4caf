-- Each change of a payment's state writes to every index of its row, so a list that can be read from another's index has none
-- of its own: all payments of an address are those of its tokens, few of them are not settled, and what is in flight is short.
DROP INDEX payment_pay_to, payment_pay_to_state;
CREATE INDEX payment_failed ON payment (network, pay_to, token, claimed_at, id) WHERE state = 'failed';
