#pragma once

#include "config/config.h"
#include "pipeline/change.h"
#include "pipeline/record.h"
#include "pipeline/reject.h"
#include "pipeline/values/value.h"

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::schemas {
struct RowFields;
}

namespace sluice {

/// A field that a slot gets: `source` is of kind field, key_field or position.
struct WantedField {
    config::Source source;
    std::size_t slot = 0;
    bool converted = false;  ///< its column says itself how to understand it
};

/// The bytes to decode: a record's value, or its key.
struct Payload {
    std::string_view bytes;           ///< RecordLog::padding readable bytes stand behind them
    std::span<const Header> headers;  ///< the record's: some writers put the schema's id there
    std::size_t position = 0;         ///< of the first byte, in the value or the key: for messages
};

/// Why bytes cannot be decoded. `text` follows "the value is " or "the key is ", and says where:
/// "not valid JSON: a value is expected at byte 12".
struct Undecodable {
    RejectCause cause = RejectCause::undecodable;
    std::string text;
};

/// A record with a thousand unknown fields is told by the first few.
inline constexpr std::size_t most_extra_reasons = 8;

/// Finds fields in payloads of one format. Made for the fields that are wanted: a path may go to
/// several slots, and may lead into the value of another. One per lane and used by its thread
/// only: keeps scratch, and may learn from one payload to the next.
class Decoder {
public:
    virtual ~Decoder() = default;

    /// Fills the slots whose fields are there and leaves the others alone. Values are views into
    /// the payload or into this decoder's memory, valid until the next call. A field that no slot
    /// takes becomes a reason in `extra`, unless that is null. False: see error(); the slots then
    /// hold anything.
    ///
    /// Throws TroubleOfTheWorld while a schema cannot be had: that says nothing of the payload.
    [[nodiscard]] virtual bool decode(const Payload& payload, std::span<Value> slots,
                                      std::vector<Reason>* extra) = 0;
    /// What the latest payload said of its row. Formats without an envelope know nothing else.
    [[nodiscard]] virtual Change change() const { return Change::upsert; }
    /// The latest payload, where it is JSON: that need not be checked again.
    [[nodiscard]] virtual std::optional<std::string_view> as_json() const { return std::nullopt; }
    /// What the latest payload's own schema says of its row, the same for all payloads of one
    /// schema; null: it brings none, or this decoder was not made to tell (make_decoder.h).
    [[nodiscard]] virtual const std::shared_ptr<const schemas::RowFields>& fields_by_schema()
        const {
        static const std::shared_ptr<const schemas::RowFields> none;
        return none;
    }
    /// Of the latest decode() that said false.
    [[nodiscard]] virtual Undecodable error() const = 0;
    /// The names of the top-level fields of a payload that can be decoded, in its order, at most
    /// `most`: for people who mistyped one. Slow.
    [[nodiscard]] virtual std::vector<std::string> fields_of(const Payload& payload,
                                                             std::size_t most) = 0;
};

}  // namespace sluice
