#pragma once

#include "pipeline/decode/avro/avro_scalar.h"
#include "pipeline/decode/json_limit.h"
#include "pipeline/values/scratch.h"
#include "schemas/avro_schema.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

/// Goes over whole values of any type: past them, or turning them into JSON. What a few bytes can
/// demand is limited: the depth, the values that take no bytes at all, and the JSON. One thread.
class AvroWalk {
public:
    /// Before each record, whose size limits what its empty values and its JSON may amount to.
    void begin(std::size_t size_of_record) {
        empty_values_left_ = 10'000 + 4 * size_of_record;
        longest_json_ = json_limit::longest_of(size_of_record);
    }

    [[nodiscard]] bool skip(AvroBytes& from, const schemas::AvroSchema& schema,
                            const std::vector<AvroScalar>& scalars, std::uint32_t type);
    /// Appends to `json`.
    [[nodiscard]] bool render(AvroBytes& from, const schemas::AvroSchema& schema,
                              const std::vector<AvroScalar>& scalars, std::uint32_t type,
                              std::string& json);
    /// Counts one value that takes no bytes, where others do not.
    [[nodiscard]] bool count_empty(AvroBytes& from);

    /// Of the latest that failed: "/items/3/price", where within the value; may be empty.
    [[nodiscard]] const std::string& path() const { return path_; }

private:
    bool walk(AvroBytes& from, std::uint32_t type);
    bool walk_scalar(AvroBytes& from, const AvroScalar& scalar);
    bool walk_record(AvroBytes& from, const schemas::AvroType& type);
    bool walk_container(AvroBytes& from, const schemas::AvroType& type);
    bool walk_entry(AvroBytes& from, const schemas::AvroType& type);
    bool fail_in(std::string_view part);
    [[nodiscard]] bool renders() const { return json_ != nullptr; }
    void put(char c) {
        if (renders()) *json_ += c;
    }

    const schemas::AvroSchema* schema_ = nullptr;
    const std::vector<AvroScalar>* scalars_ = nullptr;
    std::string* json_ = nullptr;
    std::size_t empty_values_left_ = 0;
    std::size_t longest_json_ = 0;
    int depth_ = 0;
    std::string path_;
    Scratch scratch_;
};

}  // namespace sluice
