#include "tests/bench/changes.h"

#include <array>
#include <cstdio>

namespace sluice::bench {
namespace {

constexpr std::int64_t rows_at_once = 50000;

std::int64_t key_of(std::int64_t i) {
    constexpr std::int64_t prime = 611953;
    const std::int64_t rows = table_rows();
    return i % 2 == 0 ? i / 2 * prime % rows : rows + i;
}

void append_row(std::int64_t id, std::int64_t i, bool as_json, std::string& to) {
    std::array<char, 512> text;
    const char* const form =
        as_json ? "{\"id\": %lld, \"customer\": \"customer no. %06lld\", \"birthday\": "
                  "\"19%02lld-0%lld-1%lld\", \"ordered_at\": \"2026-0%lld-1%lld 12:00:00\", "
                  "\"amount\": %lld.25, \"city\": \"city %02lld\", \"note\": \"note %03lld\"}"
                : "%lld\tcustomer no. %06lld\t19%02lld-0%lld-1%lld\t2026-0%lld-1%lld 12:00:00\t"
                  "%lld.25\tcity %02lld\tnote %03lld\n";
    using Long = long long;
    const int size = std::snprintf(
        text.data(), text.size(), form, static_cast<Long>(id), static_cast<Long>(i % 1000000),
        static_cast<Long>(i % 90 + 10), static_cast<Long>(i % 9 + 1), static_cast<Long>(i % 10),
        static_cast<Long>(i % 9 + 1), static_cast<Long>(i % 10), static_cast<Long>(i % 10000),
        static_cast<Long>(i % 100), static_cast<Long>(i % 1000));
    to.append(text.data(), static_cast<std::size_t>(size));
}

}  // namespace

void append_change(std::int64_t i, std::string& to) {
    append_row(key_of(i), i, true, to);
}

void append_change_line(std::int64_t i, std::string& to) {
    append_row(key_of(i), i, false, to);
}

void append_hot_change(std::int64_t i, std::string& to) {
    append_row(i * 7919 % hot_keys, i, true, to);
}

std::string is_changed(std::int64_t i) {
    std::array<char, 80> text;
    std::snprintf(text.data(), text.size(), "id = %lld and customer = 'customer no. %06lld'",
                  static_cast<long long>(key_of(i)), static_cast<long long>(i % 1000000));
    return text.data();
}

void fill_base(Stage& stage) {
    stage.fresh_table("base", changed_columns);
    std::string rows;
    fixture::PgConnection session = stage.postgres().connect();
    for (std::int64_t id = 0; id < table_rows(); ++id) {
        append_row(id, id, false, rows);
        if ((id + 1) % rows_at_once != 0 && id + 1 != table_rows()) continue;
        session.copy_in("copy base from stdin", rows);
        rows.clear();
    }
}

void fresh_target(Stage& stage, const std::string& table) {
    stage.fresh_table(table, changed_columns);
    fixture::PgConnection session = stage.postgres().connect();
    session.exec("insert into " + table + " select * from base");
    session.exec("alter table " + table + " add primary key (id)");
    session.exec("vacuum analyze " + table);
    session.exec("checkpoint");
}

}  // namespace sluice::bench
