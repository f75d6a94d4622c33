//! Clauses about rights and who bears what.

use super::Topic;

/// Property, warranty, liability, indemnity, hindrance, disputes.
pub(super) const TOPICS: &[Topic] = &[
    &[
        (
            "Marks",
            "{B} uses the marks of {a} only as shown in the {record}, only for {goods}, and only in {region}. It \
             stops within {days} if {a} objects to a use for good reason.",
        ),
        (
            "Works made under this treaty",
            "What is made in the course of {activity} belongs to {b}; {a} may use it for {n} royalty periods without \
             charge, and after that for {pct} of the fee of {article}.",
        ),
        (
            "Infringement by others",
            "{B} tells {a} within {days} if others use {goods} without right in {region}. {A} decides on steps \
             against them; {b} may act itself if nothing is done within {days}.",
        ),
        (
            "Origin",
            "Each of the {goods} carries its origin: core brand, subnode and scroll. {B} does not remove the mark, \
             and tells {body} of {goods} that reach it without one within {hours}.",
        ),
        (
            "Open parts",
            "Parts that stand under an open licence keep it. {B} lists them in the {record}, and replaces any whose \
             terms conflict with {article} within {days}.",
        ),
    ],
    &[
        (
            "Warranty of title",
            "{A} warrants that it may license {goods} in {region} and that nobody else has claimed them during the \
             last {n} years. If a claim arises, {article} applies.",
        ),
        (
            "Warranty of conduct",
            "{B} warrants that it carries out {activity} with the care usual in its trade, that its {record} is true, \
             and that it knows of no {risk} beyond what it told {body}.",
        ),
        (
            "Period of warranty",
            "Claims from this warranty lapse {n} royalty periods after delivery of the {goods}, or {days} after {b} \
             could have known of the defect, whichever is later.",
        ),
        (
            "Remedy",
            "If {goods} do not conform, {a} first replaces them within {days}. If that fails {n} times, {b} may \
             reduce the fee by up to {pct} or withdraw from the deployment in {region}.",
        ),
        (
            "No further promise",
            "Beyond {article} no property of {activity} is promised. Forecasts about {goods} in the {record} are \
             estimates, even where {a} has stated them with figures.",
        ),
    ],
    &[
        (
            "Limit of liability",
            "For slight negligence in {activity}, {a} is liable up to {usd} in any {period}. The limit does not apply \
             to intent, nor to harm to people.",
        ),
        (
            "Lost profit",
            "Lost profit from {risk} is compensated only if {b} gave notice of its likely size at least {days} \
             before, and then up to {pct} of the fees of the {period}.",
        ),
        (
            "Duty to limit damage",
            "{B} does what can be expected of it to keep the damage from {risk} small. Costs for that up to {usd} are \
             borne by {a} if {b} told it within {hours}.",
        ),
        (
            "Several parties",
            "If {a} and {b} caused a damage together, each bears the share for which the {record} shows it \
             responsible; failing that, {a} bears {pct} and {b} the remainder.",
        ),
        (
            "Limitation",
            "Claims concerning {goods} lapse after {n} years. The time begins at the end of the {period} in which the \
             claim arose, and rests while {body} examines it.",
        ),
    ],
    &[
        (
            "Indemnity",
            "{B} indemnifies {a} against claims of others that arise from {activity} in {region}, up to {usd}, \
             provided that {a} tells it within {days} and settles nothing on its own.",
        ),
        (
            "Conduct of claims",
            "{B} conducts the defence against claims on {goods}. {A} supports it with extracts from the {record}, and \
             may take over if nothing is done within {days}.",
        ),
        (
            "Claims of staff",
            "Each side bears claims of its own staff. If {risk} at {b} leads to claims against {a}, {b} reimburses \
             them within {days}, with interest of {pct}.",
        ),
        (
            "Refund of costs",
            "Reasonable costs of defence above {usd} are refunded within {days} of their proof. {Body} decides what \
             is reasonable if {a} and {b} differ by more than {pct}.",
        ),
    ],
    &[
        (
            "Hindrance",
            "Neither side is liable for events beyond its control. {B} tells {a} within {hours} that {activity} in \
             {region} is hindered, and for how long it expects this to last.",
        ),
        (
            "Duty to continue",
            "During a hindrance {b} continues {activity} where it can, with at least {pct} of the usual {goods}, and \
             makes up for the remainder within {n} royalty periods.",
        ),
        (
            "Long hindrance",
            "If a hindrance lasts longer than {days}, either side may end the deployment in {region}. Fees paid ahead \
             are returned less {usd} for work already done.",
        ),
        (
            "Loss of connection",
            "A break in the connection of less than {days} is no hindrance. {B} keeps its entries in the {record} and \
             delivers them afterwards in the order in which they were made.",
        ),
    ],
    &[
        (
            "Negotiation first",
            "{A} and {b} try to settle disputes about {activity} between themselves. If they have not succeeded \
             within {days}, either may put the matter before {body}.",
        ),
        (
            "Decision",
            "{Body} decides within {days} on the basis of the {record}. It hears both sides, gives reasons, and may \
             take the advice of an expert at a cost of up to {usd}.",
        ),
        (
            "Interim measures",
            "Where {risk} threatens, {body} may order within {hours} how {goods} are to be dealt with. The order ends \
             after {days} unless it is confirmed.",
        ),
        (
            "Costs of a dispute",
            "The costs are borne by the side that did not prevail; if both prevailed in part, {a} bears {pct} and {b} \
             the remainder, unless that would be unfair.",
        ),
        (
            "Evidence",
            "A signed entry in the {record} is evidence of what it says and when. Whoever disputes it shows within \
             {days} that the signature or the chain does not hold.",
        ),
    ],
];
