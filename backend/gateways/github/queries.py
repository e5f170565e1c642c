"""The two GraphQL documents, written against GitHub's public schema."""

from __future__ import annotations

PULL_FIELDS = """
fragment Row on PullRequest {
  number title url isDraft createdAt updatedAt state
  author { login }
  baseRefName baseRefOid headRefName headRefOid
  mergeable mergeStateStatus
  additions deletions changedFiles
  latestOpinionatedReviews(first: 10) { nodes { author { login } state submittedAt body commit { oid } } }
  reviewThreads(first: 50) { nodes { isResolved } }
  statusCheckRollup {
    contexts(first: 30) {
      nodes {
        __typename
        ... on CheckRun { databaseId name status conclusion startedAt completedAt detailsUrl title summary }
        ... on StatusContext { context state description targetUrl createdAt }
      }
    }
  }
}
"""

RULES = """
      rules(first: 20) {
        nodes { type parameters { __typename
          ... on RequiredStatusChecksParameters { requiredStatusChecks { context } }
        } }
      }
"""

OPEN_PULLS = (
    """
query OpsOpenPullRequests($owner: String!, $name: String!, $first: Int!, $after: String) {
  repository(owner: $owner, name: $name) {
    defaultBranchRef {"""
    + RULES
    + """    }
    pullRequests(states: [OPEN], first: $first, after: $after, orderBy: {field: UPDATED_AT, direction: DESC}) {
      pageInfo { hasNextPage endCursor }
      nodes { ...Row }
    }
  }
}
"""
    + PULL_FIELDS
)
"""Costs ceil(7 connections x 25 / 100) = 2 points a page of 25; 100 open pull requests are 4 calls."""

ONE_PULL = (
    """
query OpsPullRequest($owner: String!, $name: String!, $number: Int!) {
  repository(owner: $owner, name: $name) {
    defaultBranchRef {"""
    + RULES
    + """    }
    pullRequest(number: $number) { ...Row body mergeCommit { oid } }
  }
}
"""
    + PULL_FIELDS
)
