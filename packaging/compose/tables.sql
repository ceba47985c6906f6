-- Run once, as the owner of the database.
CREATE ROLE sluice LOGIN PASSWORD 'only-to-try-it-out';
CREATE SCHEMA sluice AUTHORIZATION sluice;
CREATE TABLE orders (id bigint, amount numeric);
CREATE TABLE outbox (id bigserial PRIMARY KEY, topic text NOT NULL, key text, payload text);
GRANT SELECT, INSERT ON orders TO sluice;
GRANT SELECT, DELETE ON outbox TO sluice;
