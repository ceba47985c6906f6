#include "pipeline/decode/csv/csv_decoder.h"

#include <algorithm>

namespace sluice {

CsvDecoder::CsvDecoder(const config::Csv& csv, std::vector<WantedField> wanted)
    : splitter_(csv), wanted_(std::move(wanted)) {
    for (const WantedField& want : wanted_) {
        last_wanted_ = std::max(last_wanted_, static_cast<std::size_t>(want.source.position));
    }
}

bool CsvDecoder::decode(const Payload& payload, std::span<Value> slots,
                        std::vector<Reason>* extra) {
    scratch_.clear();
    if (!splitter_.split(payload.bytes, fields_, scratch_)) return false;
    for (const WantedField& want : wanted_) {
        const auto position = static_cast<std::size_t>(want.source.position);
        if (position <= fields_.size()) slots[want.slot] = fields_[position - 1];
    }
    if (extra != nullptr && fields_.size() > last_wanted_) {
        extra->push_back({"", "the record has " + std::to_string(fields_.size()) +
                                  " fields, no column takes those after " +
                                  std::to_string(last_wanted_)});
    }
    return true;
}

Undecodable CsvDecoder::error() const {
    const CsvSplitter::Error& error = splitter_.error();
    return {RejectCause::undecodable, std::string("not valid CSV: ") + error.what + " at byte " +
                                          std::to_string(error.position + 1)};
}

std::vector<std::string> CsvDecoder::fields_of(const Payload& payload, std::size_t most) {
    std::vector<std::string> names;
    scratch_.clear();
    if (!splitter_.split(payload.bytes, fields_, scratch_)) return names;
    for (std::size_t i = 1; i <= std::min(fields_.size(), most); ++i) {
        names.push_back(std::to_string(i));
    }
    return names;
}

}  // namespace sluice
