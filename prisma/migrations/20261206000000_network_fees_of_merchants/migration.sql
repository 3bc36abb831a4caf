-- What settling may cost us on one day (UTC), in the native coin: for all addresses of a merchant together, who may have as many as
-- there are wallets, and for an address that is nobody's alone. `sponsorship` counted each address; nothing reads it any more, and
-- the version before this one still writes it.
CREATE TABLE sponsored_fees (
  network text NOT NULL,
  -- A merchant's id, or a payTo.
  beneficiary text NOT NULL,
  day date NOT NULL,
  spent numeric(78, 0) NOT NULL CHECK (spent >= 0),
  PRIMARY KEY (network, beneficiary, day)
);
GRANT SELECT, INSERT, UPDATE ON sponsored_fees TO tollkeeper_app;
