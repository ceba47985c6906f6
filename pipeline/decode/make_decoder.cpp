#include "pipeline/decode/make_decoder.h"

#include "pipeline/decode/csv_decoder.h"
#include "pipeline/decode/json_decoder.h"

namespace sluice {

std::unique_ptr<Decoder> make_value_decoder(const config::Ingest& ingest,
                                            std::vector<WantedField> wanted) {
    using Root = JsonDecoder::Root;
    switch (ingest.format) {
        case config::Format::json:
            return std::make_unique<JsonDecoder>(wanted,
                                                 wanted.empty() ? Root::anything : Root::object);
        case config::Format::csv:
            return std::make_unique<CsvDecoder>(ingest.csv, std::move(wanted));
        case config::Format::text:
        case config::Format::binary:
            break;
    }
    return nullptr;
}

std::unique_ptr<Decoder> make_key_decoder(const config::Ingest&,
                                          const std::vector<WantedField>& wanted) {
    if (wanted.empty()) return nullptr;
    return std::make_unique<JsonDecoder>(wanted, JsonDecoder::Root::anything);
}

}  // namespace sluice
