#include "tests/fuzz/fuzz_table.h"

using namespace sluice;

namespace {

/// Fields, nested ones among them, go to a column of every type; one field goes to all of them.
RowMapper mapper(config::OnExtra on_extra, const std::vector<std::string>& path) {
    config::Ingest ingest;
    ingest.on_extra = on_extra;
    const Table table = fuzz::table_of_all_types();
    if (!path.empty()) {
        for (const Column& column : table.columns) {
            auto& mapping = ingest.columns.emplace_back();
            mapping.column = column.name;
            mapping.source.path = path;
        }
        ingest.columns[0].source.path = {"a", "0"};
        ingest.columns[1].source.path = {"a"};
        ingest.columns[2].source.path = {};
    }
    return RowMapper(ingest, table);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static RowMapper by_name = mapper(config::OnExtra::ignore, {});
    static RowMapper one_for_all = mapper(config::OnExtra::ignore, {"v"});
    static RowMapper strict = mapper(config::OnExtra::reject, {"a", "b"});
    const std::string_view value(reinterpret_cast<const char*>(data), size);
    fuzz::run(by_name, value);
    fuzz::run(one_for_all, value);
    fuzz::run(strict, value);
    return 0;
}
