"""What the cities' texts say, as people read it and as it is computed.

``policy_terms``: the terms of a rule for one case; ``compute``: one formula of the law answered; ``settlement``:
the year's settlement; ``policy_views``: rules for people; ``policy_checks``: whether files hang together; ``policy_examples``: the texts' own examples;
``plain``: values of the domain as JSON has them;
``duty_lists``: what people must know beside a list of dates.
"""
