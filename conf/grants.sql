-- The proxy's service account, least privilege. Run on the primary; put the proxy's own address instead of '%'.
--
--   mariadb < conf/grants.sql
--
-- Its plugin is mysql_native_password, as below, or ed25519: by others the proxy does not log in, for they show the
-- password to whoever answers. No limits (MAX_USER_CONNECTIONS and the like): it keeps one connection to each node, and
-- logs in once more every accounts_refresh.
--
-- It logs in, asks for @@read_only and the server's identity (every account may), and reads the accounts' password
-- hashes, by which the proxy checks logins itself, the tables' engines, and the texts of stored programs. It can read no
-- data and change nothing, but for what is said of the optional rights below.

CREATE USER IF NOT EXISTS 'proxy'@'%' IDENTIFIED BY 'change me';

-- Where MariaDB 10.4 and later keep their accounts.
GRANT SELECT ON mysql.global_priv TO 'proxy'@'%';
-- The view of the same, asked where global_priv is not there.
GRANT SELECT ON mysql.user TO 'proxy'@'%';

-- Shows all tables and their engines, and allows nothing: whether a transaction that the primary's loss ends is rolled
-- back for certain (1213, try again) depends on whether all tables are of engines with transactions. Without this, such
-- a transaction's outcome is told as unknown (1927, SQLSTATE 08007).
GRANT REFERENCES ON *.* TO 'proxy'@'%';

-- What stored procedures and functions leave in a session without the server's saying so: locks of GET_LOCK, the user's
-- variables by SELECT … INTO, SET TRANSACTION, SET @@x. Without this the proxy does not know of them, and a session that
-- moves goes on without.
GRANT SELECT ON mysql.proc TO 'proxy'@'%';

-- Optional, where views call functions: their texts are shown to whoever may read all tables. Without it a lock that a
-- view takes by GET_LOCK is not known, and a query on a view of another schema counts as an unknown change of the session.
-- GRANT SELECT, SHOW VIEW ON *.* TO 'proxy'@'%';

-- Optional, where triggers leave something in the session that sets them off: the same locks and variables, or the number
-- of the row. Their texts are shown to whoever may make triggers, and this allows that: whoever has the account's password
-- may then let every statement that writes do more than it says, with the rights of the proxy's account. Without it such a
-- trigger's lock is not known, and a session whose last statement was a write that failed is told of a loss when its node
-- goes before the next one.
-- GRANT TRIGGER ON *.* TO 'proxy'@'%';

-- Optional. init_connect is run for this account, too: where it holds what the account may not do (an INSERT into a
-- table for audits), the server ends every session of the checks. With this it is not run (before MariaDB 10.5: GRANT
-- SUPER).
-- GRANT CONNECTION ADMIN ON *.* TO 'proxy'@'%';

-- Optional. A server that resolves names blocks a host after max_connect_errors logins that were begun and left. With
-- this the proxy runs FLUSH HOSTS itself; better is skip_name_resolve on the nodes. It counts from the proxy's next
-- login.
-- GRANT RELOAD ON *.* TO 'proxy'@'%';

-- Where the proxy connects from a host that an anonymous account stands for (''@'localhost', as old installations have
-- it), that account comes before 'proxy'@'%' and its login is refused: remove such accounts, or name the host above.
