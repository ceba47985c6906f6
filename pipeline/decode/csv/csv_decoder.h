#pragma once

#include "pipeline/decode/csv/csv_splitter.h"
#include "pipeline/decode/decoder.h"

namespace sluice {

/// One row of CSV in a payload: fields are known by their positions.
class CsvDecoder final : public Decoder {
public:
    CsvDecoder(const config::Csv& csv, std::vector<WantedField> wanted);

    bool decode(const Payload& payload, std::span<Value> slots,
                std::vector<Reason>* extra) override;
    Undecodable error() const override;
    std::vector<std::string> fields_of(const Payload& payload, std::size_t most) override;

private:
    CsvSplitter splitter_;
    const std::vector<WantedField> wanted_;
    std::size_t last_wanted_ = 0;  // a position
    std::vector<Value> fields_;
    Scratch scratch_;
};

}  // namespace sluice
