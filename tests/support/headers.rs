//! What may stand in the header of a mail; the fuzz target for it reads this file too.

/// All that may stand in the header of a mail.
pub const HEADERS: [&str; 12] = [
    "Auto-Submitted",
    "Content-Transfer-Encoding",
    "Content-Type",
    "Date",
    "From",
    "In-Reply-To",
    "MIME-Version",
    "Message-ID",
    "References",
    "Subject",
    "To",
    "User-Agent",
];
