#pragma once

#include "config/config.h"
#include "pipeline/mapping/row_mapper.h"
#include "pipeline/table.h"

#include <string>
#include <vector>

namespace sluice {

/// What a table of SQL over a pipeline's topic, or topics, holds: where each record is, whether its
/// row comes or goes, and what the pipeline makes of it, with the types of its target.
class TopicColumns {
public:
    TopicColumns(const config::Ingest& ingest, const Table& table, const RowMapper& mapper);

    /// "kafka_partition" integer, "kafka_offset" bigint, …
    [[nodiscard]] std::string definition() const;
    /// Of names and their order: rows of one are none of another.
    [[nodiscard]] std::string fingerprint() const;
    /// Of a row in COPY's text form, what comes before the mapper's columns.
    [[nodiscard]] std::string before(const Record& record, Change change) const;

private:
    struct Described {
        std::string name;
        std::string type;
    };
    // Whether they are ours: the mapping may have one of its own.
    bool topic_ = false;
    bool partition_ = false;
    bool offset_ = false;
    bool change_ = false;
    std::vector<Described> columns_;
};

/// The pipeline as such a table reads it: rows as text, which only the database judges. Throws
/// WrongConfiguration where it has several tables.
[[nodiscard]] config::Ingest as_topic(const config::Ingest& ingest);

}  // namespace sluice
