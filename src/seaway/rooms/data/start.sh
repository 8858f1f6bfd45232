# Starts PostgreSQL in a container: makes the cluster once, sets the role's password, and serves.
set -eu
PATH="$(echo /usr/lib/postgresql/*/bin):$PATH"
umask 077
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    # Made beside its place and moved there when it is whole: a kill in between leaves nothing half-made.
    rm -rf "$PGDATA.new"
    initdb --pgdata="$PGDATA.new" --username=postgres --auth-local=trust --auth-host=scram-sha-256 \
        --encoding=UTF8 --locale=C.UTF-8
    echo "host all all all scram-sha-256" >> "$PGDATA.new/pg_hba.conf"
    mv "$PGDATA.new" "$PGDATA"
fi
rm -f "$PGDATA/postmaster.pid"
# Single-user mode reads one statement a line; that a database exists already is no failure of it.
postgres --single -D "$PGDATA" postgres > /dev/null 2>&1 <<SQL
DO \$\$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '$DATABASE') THEN CREATE ROLE "$DATABASE" LOGIN; END IF; END \$\$;
ALTER ROLE "$DATABASE" PASSWORD '$PASSWORD';
CREATE DATABASE "$DATABASE" OWNER "$DATABASE";
SQL
unset PASSWORD
exec postgres -D "$PGDATA" -c listen_addresses='*' -c unix_socket_directories=/run/postgresql \
    -c shared_buffers="$SHARED_BUFFERS" -c log_timezone=UTC -c timezone=UTC
