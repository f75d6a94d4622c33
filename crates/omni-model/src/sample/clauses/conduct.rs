//! Clauses about records, reports, safety and service.

use super::Topic;

/// Records, reports, audit, data, confidence, security, service, maintenance, watch rules.
pub(super) const TOPICS: &[Topic] = &[
    &[
        (
            "Keeping of the {record}",
            "{B} keeps the {record} complete, in order and readable for {n} years. It enters {goods} within {hours} \
             and corrects an entry only by a further one that names the first.",
        ),
        (
            "Single truth",
            "The {record} held by {body} is decisive. If the copy of {b} differs from it, {b} takes over the entries \
             within {days}, and keeps its own beside them until {a} has settled the difference.",
        ),
        (
            "Declared figures",
            "A figure that was typed in rather than counted is marked as declared, with its source and date. {A} does \
             not use declared numbers of {goods} in computing the fees of {article}.",
        ),
        (
            "Loss of a record",
            "If the {record} or part of it is lost, {b} tells {a} within {hours}. It restores it from the last sealed \
             copy, and bears the costs up to {usd} where {risk} was foreseeable.",
        ),
        (
            "Retention",
            "After {n} years the entries on {goods} may be deleted, except those that bear on an open claim. Deletion \
             is announced to {body} {days} ahead.",
        ),
    ],
    &[
        (
            "Periodic report",
            "Within {days} after each {period}, {b} reports to {a} on {activity} in {region}: the number of {goods}, \
             the amounts received, and every case of {risk}.",
        ),
        (
            "Report of incidents",
            "{B} reports {risk} within {hours} of learning of it, and follows up within {days} with the cause, the \
             {goods} affected and what it has done.",
        ),
        (
            "No news",
            "If nothing happened in a {period}, {b} says so. A missing report counts as unknown, neither as none nor \
             as good; {body} may ask for it after {days}.",
        ),
        (
            "Form of reports",
            "Reports follow the form of the {record}. {A} may change that form with {days}' notice, but not more than \
             once a {period} and not for {activity} already reported.",
        ),
        (
            "Accuracy",
            "A report on {goods} may depart from the {record} by no more than {pct}. Beyond that {b} submits it anew \
             within {days}, and {body} marks the former one as replaced.",
        ),
    ],
    &[
        (
            "Right of audit",
            "{A} may have the {record} audited once a {period}, with {days}' notice and during business hours. {B} \
             gives access to all entries on {goods} in {region}.",
        ),
        (
            "Cost of audit",
            "The costs of an audit are borne by {a}, unless it shows amounts short by more than {pct} or {usd}; in \
             that case {b} bears them and pays what is missing within {days}.",
        ),
        (
            "Sampling",
            "Auditors draw a sample of at least {count} {goods}. If more than {pct} of the sample show {risk}, the \
             whole {period} is examined.",
        ),
        (
            "Findings",
            "{Body} delivers findings in writing. {B} answers each within {days}: accepted, with a date; or \
             contested, with reasons and the entries of the {record} that support them.",
        ),
        (
            "Follow-up",
            "Findings that {b} has accepted are remedied within {days}. {A} examines them again after one {period}; a \
             finding that recurs {n} times is put before {body}.",
        ),
    ],
    &[
        (
            "Purpose",
            "Data about people in the {record} are used for {activity} and nothing else. {B} gives access to as few \
             people as possible, and shows {a} the list once a {period}.",
        ),
        (
            "Place of storage",
            "Data on {goods} from {region} stay there, except for encrypted copies. {B} obtains the consent of {body} \
             before it moves them, and deletes the original within {days}.",
        ),
        (
            "Deletion on request",
            "At the request of the person concerned, {b} deletes their data within {days}. Entries needed to compute \
             the fees of {article} are kept without the name.",
        ),
        (
            "Breach of data",
            "If data in the {record} became known to others, {b} tells {a} within {hours}. It names what was \
             affected, in {region} and elsewhere, and what the people concerned should do.",
        ),
        (
            "Transfer",
            "{A} passes data on {goods} to third parties only for {activity}, under terms no weaker than {article}, \
             and only after {b} has had {days} to object.",
        ),
    ],
    &[
        (
            "Confidence",
            "What {a} and {b} learn of each other's prices, parties and {goods} stays in confidence during this \
             treaty and for {n} years after. This includes drafts of the {record}.",
        ),
        (
            "Exceptions",
            "{Article} does not cover what was public, what {b} knew before, or what a court orders to disclose. In \
             the last case {b} tells {a} {days} ahead, where it may.",
        ),
        (
            "Return of documents",
            "At the end of {activity} in {region}, {b} returns documents and deletes copies within {days}. One sealed \
             copy of the {record} may be kept as evidence.",
        ),
        (
            "Announcements",
            "Neither side announces contracts above {usd} without the consent of the other. Consent counts as given \
             if {b} does not reply within {days}.",
        ),
        (
            "Need to know",
            "Within its own organisation, {b} shows the {record} only to those who work on {activity}. {Body} may ask \
             for their number, not for their names, once every {period}.",
        ),
    ],
    &[
        (
            "Keys",
            "Keys that sign entries in the {record} are changed every {days}. A key that may be known to others is \
             revoked within {hours}, and entries made with it since are examined by {body}.",
        ),
        (
            "Sealed changes",
            "A change to {goods} is sealed before it leaves the device that made it. {B} does not accept changes \
             whose seal fails, and reports more than {count} of them in one {period} to {a}.",
        ),
        (
            "Access",
            "Access to {activity} in {region} is granted by role. {A} withdraws access within {hours} when a role \
             ends, and reviews all roles every {period}.",
        ),
        (
            "Testing",
            "{B} has the protection against {risk} tested once a {period} by someone who did not build it. Grave \
             findings are remedied within {days}, others before the next test.",
        ),
        (
            "Emergency",
            "If {risk} threatens, {a} may hold all writes for at most {hours}. It tells {b} why, and {body} confirms \
             or lifts the hold before that time has passed.",
        ),
    ],
    &[
        (
            "Availability",
            "{A} keeps {activity} available for all but {hours} of any {period}. Announced maintenance does not \
             count, if {b} heard of it {days} ahead.",
        ),
        (
            "Response",
            "{A} answers a request about {goods} within {hours}, and closes it within {days}. If it cannot, it says \
             by when, and {b} may turn to {body}.",
        ),
        (
            "Credits",
            "For every {hours} that {activity} is not available beyond {article}, {b} receives a credit of {pct} of \
             the fee, though not more than {usd} a {period}.",
        ),
        (
            "Work without connection",
            "{B} may continue {activity} in {region} while not connected. What it enters meanwhile in its copy of the \
             {record} counts from the time of entry, if it is delivered within {days}.",
        ),
        (
            "Capacity",
            "{A} is prepared for {count} {goods} a day. If {b} expects more than {pct} above that, it gives {days}' \
             notice; otherwise {article} does not apply to the excess.",
        ),
    ],
    &[
        (
            "Maintenance window",
            "Maintenance of {activity} in {region} takes at most {hours}, at night where that can be, and is \
             announced {days} ahead. {B} sees to it that no {goods} are under way during that time.",
        ),
        (
            "Versions",
            "{A} supports the current and the former form of the {record}. {B} moves to the current form within \
             {days}; until then its entries are kept and shown as waiting.",
        ),
        (
            "Defects",
            "A defect that leads to {risk} is remedied within {hours}, any other within {days}. {B} describes what it \
             did, what it saw, and which {goods} were affected.",
        ),
        (
            "End of support",
            "{A} announces the end of a form of {activity} {n} royalty periods ahead, and offers {b} a way to take \
             its {goods} along at a cost of no more than {usd}.",
        ),
        (
            "Spare copies",
            "{B} holds {n} spare copies of the {record}, of which one is outside {region}. It shows once every \
             {period} that the entries can be restored from each within {hours}.",
        ),
    ],
    &[
        (
            "Watch rule",
            "{Body} watches the {record} for {risk}. A hit is put to {b} within {hours} as a finding, not as a \
             verdict, and stands as investigating until {b} has answered.",
        ),
        (
            "Duplicates",
            "Two entries with the same payee, {period}, kind and amount count as one until {b} has shown that both \
             are owed. Amounts above {usd} are held for {days}.",
        ),
        (
            "Tolerance",
            "Differences between {goods} agreed and {goods} delivered are tolerated up to {pct}. {A} sets a wider \
             tolerance for {region} only with the consent of {body}.",
        ),
        (
            "Conflict of entries",
            "If {a} and {b} change the same entry of the {record} without knowing of each other, neither change is \
             lost: one stands, the other waits, and {body} or the two sides settle it within {days}.",
        ),
        (
            "Clearing of findings",
            "A finding of {risk} is cleared when {b} has shown the entries concerned and {a} has not objected for \
             {days}. Cleared findings stay visible for {n} royalty periods.",
        ),
    ],
];
