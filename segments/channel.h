#pragma once

#include "segments/batch_stream.h"
#include "segments/server.h"

#include <chrono>
#include <cstddef>
#include <limits>
#include <memory>
#include <optional>
#include <string>

namespace sluice::segments {

/// A path that nobody can guess, under which an external table of one session finds the rows of
/// one batch after the other. Used by the session's thread.
class Channel {
public:
    Channel(Server& server, const std::string& pipeline);
    ~Channel() { close(); }
    Channel(const Channel&) = delete;
    Channel& operator=(const Channel&) = delete;

    /// For LOCATION.
    [[nodiscard]] std::string location() const;
    /// What of a text must not be shown to anybody.
    [[nodiscard]] const std::string& secret() const { return token_; }

    /// Serves these rows, which must stay as they are, until close(), to the first statement that
    /// asks. No more segments than that read one table.
    void open(const EncodedRows& rows,
              std::size_t most_segments = std::numeric_limits<std::size_t>::max());
    /// How long none of them was asked for, where not all segments have come. Of open() ones.
    [[nodiscard]] std::chrono::milliseconds missing_for() const { return stream_->missing_for(); }
    /// Nobody reads them any more once this returns.
    Delivery close();

private:
    Server& server_;
    const std::string token_;
    std::optional<BatchStream> stream_;
    std::string latest_scan_;
    std::shared_ptr<Server::Counts> counts_;
};

}  // namespace sluice::segments
