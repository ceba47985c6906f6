#pragma once

#include "pipeline/decode/avro/avro_scalar.h"
#include "pipeline/decode/decoder.h"
#include "schemas/avro_schema.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace sluice {

/// A step on the way through the bytes of a record.
struct AvroStep {
    enum class Kind : std::uint8_t {
        read,           ///< a value of type `what` into `slot`
        render,         ///< such a value as JSON into `slot`
        render_ahead,   ///< the same, and then its parts are walked as well
        skip_number,    ///< an int, a long, an enum's symbol
        skip_sized,     ///< bytes, a string
        skip_fixed,     ///< `size` bytes
        skip,           ///< anything, of type `what`
        tell_extra,     ///< extras[what], to who wants to know
        optional,       ///< a union with null: branch `size` is null; then, go to step `what`
        choose,         ///< a union: go to choices[what][branch]
        find_in_map,    ///< searches[what]
        find_in_array,  ///< searches[what]
        go,             ///< to step `what`
        end,
    };
    static constexpr std::uint32_t nowhere = UINT32_MAX;

    Kind kind = Kind::end;
    std::uint32_t slot = nowhere;
    std::uint32_t what = 0;
    std::uint64_t size = 0;
};

/// The way through the records of one schema to the fields that are wanted: steps one after the
/// other, nested records included. Constant; what it points into lives in `schema`.
struct AvroPlan {
    /// The steps for a wanted key of a map, or a wanted element of an array.
    struct Wanted {
        std::string key;
        std::uint64_t element = 0;
        std::uint32_t first_step = 0;
        std::vector<std::uint32_t> slots;  ///< all that these steps may fill
    };
    struct Search {
        std::uint32_t of_type = 0;  ///< of the elements
        std::uint32_t behind = 0;   ///< the step to go on with
        std::vector<Wanted> wanted;
    };

    AvroPlan(std::shared_ptr<const schemas::AvroSchema> for_schema,
             std::span<const WantedField> wanted);

    std::shared_ptr<const schemas::AvroSchema> schema;
    std::vector<AvroScalar> scalars;  ///< by type
    std::vector<AvroStep> steps;      ///< the first one begins
    std::vector<std::string> paths;   ///< by step, for messages: empty for the whole record
    std::vector<std::vector<std::uint32_t>> choices;
    std::vector<Search> searches;
    std::vector<std::vector<Reason>> extras;
    /// A path that goes to several slots fills the first, and in the end the others.
    std::vector<std::pair<std::uint32_t, std::uint32_t>> copies;
};

}  // namespace sluice
