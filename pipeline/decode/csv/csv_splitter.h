#pragma once

#include "config/config.h"
#include "pipeline/values/scratch.h"
#include "pipeline/values/value.h"

#include <string_view>
#include <vector>

namespace sluice {

/// Splits a record into its CSV fields, as the database's own COPY … CSV reads one row.
class CsvSplitter {
public:
    struct Error {
        const char* what = nullptr;
        std::size_t position = 0;  ///< in bytes, from 0
    };

    explicit CsvSplitter(const config::Csv& csv) : csv_(csv) {}

    /// `fields` become views into the record or into `scratch`. False: see error().
    [[nodiscard]] bool split(std::string_view record, std::vector<Value>& fields, Scratch& scratch);
    [[nodiscard]] const Error& error() const { return error_; }

private:
    [[nodiscard]] Value unquoted(std::string_view text) const;
    bool read_simple(std::string_view record, std::size_t& at, Value& field) const;
    [[nodiscard]] bool is_escaped(std::string_view record, std::size_t at) const;
    bool read_quoted(std::string_view record, std::size_t& at, Value& field, Scratch& scratch);
    /// At the end of the last field: nothing but one line end may follow.
    bool check_rest(std::string_view record, std::size_t at);
    bool fail(const char* what, std::size_t position);
    [[nodiscard]] bool ends_field(char c) const {
        return c == csv_.delimiter || c == '\n' || c == '\r';
    }

    config::Csv csv_;
    Error error_;
};

}  // namespace sluice
