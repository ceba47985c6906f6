#pragma once

#include "daemon/imports/yaml_tree.h"

#include <string>
#include <utility>
#include <vector>

namespace sluice {

/// What has to be told about a line of the YAML.
struct GpssNote {
    int line = 0;  ///< 0: of the file as a whole
    std::string text;
};

/// A column of the external table that a message was read as. Expressions are about these.
struct GpssColumn {
    std::string name;
    std::string type;
    int line = 0;
};

/// How values, or keys, are written.
struct GpssFormat {
    YamlText name;  ///< in lower case: json, jsonl, avro, csv, delimited, binary, custom
    std::vector<GpssColumn> columns;
    YamlText delimiter;
    YamlText quote;
    YamlText escape;
    YamlText null_string;
    YamlText eol_prefix;
    YamlText newline;
    std::vector<YamlText> force_not_null;
    YamlText fill_missing_fields;
    YamlText registry;
    YamlText registry_ca;
    YamlText registry_certificate;
    YamlText registry_key;
    YamlText schema_file;
    YamlText bytes_to_base64;
};

struct GpssMapping {
    std::string column;
    std::string expression;
    int line = 0;
};

struct GpssTarget {
    YamlText table;
    YamlText schema;
    YamlText mode;  ///< in lower case: insert, update, merge
    std::vector<YamlText> match_columns;
    std::vector<YamlText> order_columns;
    std::vector<YamlText> update_columns;
    YamlText update_condition;
    YamlText delete_condition;
    YamlText filter;  ///< beside the job's
    std::vector<GpssMapping> mapping;
};

/// A load job of the Greenplum Streaming Server, or of FlowServer, whatever version its file is of.
struct GpssJob {
    std::string file;

    YamlText host;
    YamlText port;
    YamlText user;
    YamlText password;
    YamlText database;

    YamlText brokers;
    YamlText topic;
    YamlText partitions;
    std::vector<std::pair<std::string, YamlText>> properties;  ///< librdkafka's
    GpssFormat value;
    GpssFormat key;
    GpssColumn meta;  ///< without a name: there is none

    YamlText filter;
    YamlText error_limit;
    YamlText batch_rows;
    YamlText batch_ms;
    YamlText fallback_offset;
    YamlText statement;  ///< SQL, each `statement_batches`
    YamlText statement_batches;
    std::vector<GpssTarget> targets;

    std::vector<GpssNote> notes;
};

/// Of a load configuration file with Kafka as its source: the Greenplum Streaming Server's versions
/// 1, 2 and 3 (gpkafka's, gpsscli's), or FlowServer's. What of it nobody knows is in `notes`.
/// Throws WrongConfiguration.
[[nodiscard]] GpssJob read_gpss_job(const std::string& yaml, const std::string& file);

}  // namespace sluice
