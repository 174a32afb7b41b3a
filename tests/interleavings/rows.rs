//! All rows of a schema: kept, put back as they were, and told apart.
//!
//! Every order of a race begins with exactly the same rows, which costs a few milliseconds where
//! setting the stage by commands would cost a hundred.

use std::collections::BTreeMap;

use sqlx::types::Json;
use sqlx::{AssertSqlSafe, Executor as _, PgPool, Row as _};

/// Two sets of rows are kept: of the company as it was founded, and of the stage of a race.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kept {
    Founded,
    Stage,
}

impl Kept {
    const fn name(self) -> &'static str {
        match self {
            Self::Founded => "founded",
            Self::Stage => "stage",
        }
    }
}

/// What stands in each table, as one sum.
pub(crate) type Sums = BTreeMap<String, String>;

pub(crate) struct Rows {
    pool: PgPool,
    schema: String,
}

struct Table {
    name: String,
    columns: Vec<String>,
    key: Vec<String>,
}

/// The tables with a key in the order in which they were made, so that no row is put before one that
/// it refers to.
const TABLES: &str = "
    SELECT c.relname::text AS name,
        ARRAY(SELECT quote_ident(a.attname) FROM pg_attribute a
              WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                AND a.attgenerated = '' ORDER BY a.attnum) AS columns,
        ARRAY(SELECT quote_ident(a.attname) FROM pg_attribute a
              WHERE a.attrelid = c.oid AND a.attnum = ANY (i.indkey)) AS key
    FROM pg_class c JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
    WHERE c.relnamespace = to_regnamespace($1) AND c.relkind = 'r' ORDER BY c.oid";

impl Rows {
    pub(crate) async fn of(pool: PgPool, schema: &str) -> Self {
        let found = sqlx::query(TABLES).bind(schema).fetch_all(&pool).await.unwrap();
        let tables: Vec<Table> = found
            .iter()
            .map(|row| Table { name: row.get(0), columns: row.get(1), key: row.get(2) })
            .collect();
        let mut sql = Vec::new();
        for kept in [Kept::Founded, Kept::Stage] {
            for table in &tables {
                let (name, columns) = (&table.name, table.columns.join(", "));
                let prefix = kept.name();
                sql.push(format!(
                    "CREATE TABLE {schema}.{prefix}_{name} AS
                     SELECT {columns} FROM {schema}.{name} WITH NO DATA;"
                ));
            }
            let keep: String = tables.iter().map(|it| it.keep(schema, kept)).collect();
            let delete: String = tables.iter().rev().map(|it| it.delete(schema, kept)).collect();
            let put: String = tables.iter().map(|it| it.put(schema, kept)).collect();
            sql.push(function(schema, &format!("keep_{}", kept.name()), &keep));
            // What has changed is put back first, so that nothing refers to what is deleted.
            sql.push(function(schema, &format!("restore_{}", kept.name()), &(put + &delete)));
        }
        let sums: Vec<String> = tables.iter().map(|it| it.sum(schema)).collect();
        sql.push(format!(
            "CREATE FUNCTION {schema}.sums() RETURNS jsonb LANGUAGE plpgsql AS $$
             BEGIN RETURN jsonb_build_object({}); END $$;",
            sums.join(", ")
        ));
        pool.execute(AssertSqlSafe(sql.join("\n"))).await.unwrap();
        Self { pool, schema: schema.to_owned() }
    }

    pub(crate) async fn keep(&self, kept: Kept) {
        self.call(&format!("keep_{}", kept.name())).await;
    }

    pub(crate) async fn restore(&self, kept: Kept) {
        self.call(&format!("restore_{}", kept.name())).await;
    }

    pub(crate) async fn sums(&self) -> Sums {
        let sql = format!("SELECT {}.sums()", self.schema);
        let row = sqlx::query(AssertSqlSafe(sql)).fetch_one(&self.pool).await.unwrap();
        row.get::<Json<Sums>, _>(0).0
    }

    async fn call(&self, function: &str) {
        let sql = format!("SELECT {}.{function}()", self.schema);
        sqlx::query(AssertSqlSafe(sql)).execute(&self.pool).await.unwrap();
    }
}

fn function(schema: &str, name: &str, body: &str) -> String {
    format!(
        "CREATE FUNCTION {schema}.{name}() RETURNS void LANGUAGE plpgsql AS $$
         BEGIN {body} END $$;\n"
    )
}

impl Table {
    fn keep(&self, schema: &str, kept: Kept) -> String {
        let (name, columns, kept) = (&self.name, self.columns.join(", "), kept.name());
        format!(
            "DELETE FROM {schema}.{kept}_{name};
             INSERT INTO {schema}.{kept}_{name} SELECT {columns} FROM {schema}.{name};\n"
        )
    }

    fn delete(&self, schema: &str, kept: Kept) -> String {
        let (name, kept) = (&self.name, kept.name());
        let same: Vec<_> = self.key.iter().map(|it| format!("k.{it} = t.{it}")).collect();
        let same = same.join(" AND ");
        format!(
            "DELETE FROM {schema}.{name} t
             WHERE NOT EXISTS (SELECT FROM {schema}.{kept}_{name} k WHERE {same});\n"
        )
    }

    /// What differs is written again.
    fn put(&self, schema: &str, kept: Kept) -> String {
        let (name, columns, kept) = (&self.name, self.columns.join(", "), kept.name());
        let others = self.columns.iter().filter(|it| !self.key.contains(it));
        let set: Vec<_> = others.map(|it| format!("{it} = excluded.{it}")).collect();
        let set = if set.is_empty() {
            "NOTHING".to_owned()
        } else {
            format!("UPDATE SET {}", set.join(", "))
        };
        format!(
            "INSERT INTO {schema}.{name} ({columns})
             SELECT {columns} FROM {schema}.{kept}_{name}
             EXCEPT SELECT {columns} FROM {schema}.{name}
             ON CONFLICT ({}) DO {set};\n",
            self.key.join(", ")
        )
    }

    fn sum(&self, schema: &str) -> String {
        let name = &self.name;
        format!(
            "'{name}', (SELECT coalesce(md5(string_agg(t::text, ' ' ORDER BY t::text)), '')
                        FROM {schema}.{name} t)"
        )
    }
}
